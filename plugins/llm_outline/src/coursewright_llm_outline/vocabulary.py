"""Words that tell something about a text, in several languages. Data only."""

from __future__ import annotations

_ABBREVIATIONS = """
dr mr mrs ms prof st jr sr vs no fig figs eq eqs ch vol pp ed eds approx dept est al cf viz resp incl min max
jan feb mar apr jun jul aug sept oct nov dec
bzw ca evtl ggf inkl usf vgl nr bd hrsg str abb tab kap sog geb gest mio mrd tel abs art
env éd mme mlle sra srta ud uds pág núm ej aprox dott ing sig pag nl bijv
г гг др рис см стр тыс млн млрд т.е т.д np tzn tzw ok r w wg im tj např atd čl
"""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
"""Written with a full stop that ends no sentence."""

_ORDINAL_DOT = "de da nb nn no fi cs sk hu pl et lv sl hr sr bs is tr"
ORDINAL_DOT = frozenset(_ORDINAL_DOT.split())
"""Languages that write the 3rd as `3.`"""

_LEANING = """
this these that those it they he she his her their its but however therefore thus so also then such instead
moreover nevertheless yet and or otherwise hence consequently similarly
dies diese dieser dieses das es sie er aber jedoch daher deshalb dann also auch dadurch dabei damit dazu denn
ce cette ces cela il elle ils elles mais donc ainsi alors cependant puis
esto este esta estos estas ello pero así entonces además también
questo questa questi ma quindi così inoltre però essi
isto isso ele ela eles elas mas então também
это этот эта эти он она они но поэтому однако также тогда
"""
LEANING = frozenset(_LEANING.split())
"""At the start of a sentence that leans on the one before it."""

_SUBORDINATE = """
when if because although while as since after before unless until though whereas once where whenever despite
wenn weil obwohl während als seit nachdem bevor falls da indem sobald
quand si lorsque comme bien puisque après avant
cuando porque aunque mientras como después antes
quando se perché poiché mentre dopo prima
когда если хотя пока после
"""
SUBORDINATE = frozenset(_SUBORDINATE.split())
"""At the start of a clause that cannot stand alone."""

_PREPOSITIONS = """
at in on by with for to from during over under through among between like unlike according throughout within without
im am bei mit für von zu nach vor über unter durch gegen ohne laut
à au aux en dans sur pour avec sans par chez selon pendant
con por para sin desde según durante sobre
nel nella nei con per senza secondo
на по при для без через среди под над между
"""
PREPOSITIONS = frozenset(_PREPOSITIONS.split())
"""At the start of a phrase that, before a comma, only says where or when."""

_OBJECTIVES = """
objectives; learning objectives; learning goals; goals; learning outcomes; outcomes; aims; what you will learn;
what you'll learn; lernziele; ziele; objectifs; objectifs pédagogiques; objectifs d'apprentissage; objetivos;
objetivos de aprendizaje; objetivos de aprendizagem; obiettivi; obiettivi di apprendimento; leerdoelen; doelen;
lärandemål; mål; læringsmål; cele; cele nauki; cíle; цели; цели обучения; 学习目标; 學習目標; 学習目標;
학습 목표; الأهداف; أهداف التعلم; उद्देश्य
"""
OBJECTIVES = frozenset(" ".join(entry.split()) for entry in _OBJECTIVES.split(";"))
"""Headings under which authors list what is to be learned."""

_REFERENCES = """
references; bibliography; sources; works cited; further reading; literature; footnotes; literatur; quellen;
literaturverzeichnis; quellenverzeichnis; références; bibliographie; sources et références; referencias; bibliografía;
fuentes; riferimenti; bibliografia; fonti; referências; fontes; literatuur; bronnen; литература; источники; 参考文献;
参考资料; المراجع
"""
REFERENCES = frozenset(" ".join(entry.split()) for entry in _REFERENCES.split(";"))
"""Headings over lists of books and links, which nobody wants to hear."""

SPEAKER_NOTES = frozenset({"notes", "speaker notes", "notizen", "sprechernotizen", "notas", "note", "примечания"})
"""Headings under which presentations keep what is to be said."""

_GREEK = """
alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ
sigma σ tau τ phi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω
times × cdot · approx ≈ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ pm ± infty ∞ to →
"""
TEX_SYMBOLS = dict(zip(_GREEK.split()[::2], _GREEK.split()[1::2], strict=True))
"""Commands of TeX that are one character."""
