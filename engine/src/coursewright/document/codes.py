"""Every kind of problem a pipeline can have, each defined once. A code never changes its meaning."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "deprecation"]


class Code(msgspec.Struct, frozen=True):
    """A kind of problem: its stable id, one line that says what it means, and how much it matters."""

    id: str
    meaning: str
    severity: Severity = "error"


# CW0: the file as YAML
NOT_TEXT = Code("CW001", "the file is not UTF-8 text")
TOO_LARGE = Code("CW002", "the file, or what its aliases expand to, is larger or deeper than a pipeline may be")
NOT_YAML = Code("CW003", "the file is not valid YAML")
EMPTY = Code("CW004", "the file has no content")
ONE_DOCUMENT = Code("CW005", "the file holds more than one YAML document")
NO_TAGS = Code("CW006", "a YAML tag such as !!str is used; values take the type of the place they stand in")
BAD_ALIAS = Code("CW007", "a YAML alias or merge key names something that cannot stand there")
DUPLICATE_KEY = Code("CW008", "a key is written twice")
BAD_KEY = Code("CW009", "a key is not plain text")

# CW1: keys and written values
UNKNOWN_KEY = Code("CW101", "a key does not exist at this place")
MISSING_KEY = Code("CW102", "a required key is missing")
WRONG_SHAPE = Code("CW103", "a mapping, a list or a single value stands where another of them is wanted")
WRONG_VALUE = Code("CW104", "a written value is not of the type wanted")
OUTSIDE_LIMITS = Code("CW105", "a written value is outside its limits")
BAD_NAME = Code("CW106", "a name does not follow the rules for names, or is reserved")
CONTRADICTION = Code("CW107", "two keys, each valid, do not go together")
NO_EFFECT = Code("CW108", "a key has no effect where it stands", "warning")
RENAMED_KEY = Code("CW109", "a key is written in an old spelling that will stop working", "deprecation")
TOO_MANY_STEPS = Code("CW110", "there are more steps than a pipeline may have")

# CW2: capabilities, providers and their options
UNKNOWN_CAPABILITY = Code("CW201", "`uses` names no capability")
UNKNOWN_PROVIDER = Code("CW202", "no installed provider has this name")
PROVIDER_ABSENT = Code("CW203", "one of several providers is not installed; the others are used", "warning")
NO_PROVIDER = Code("CW204", "no provider of this capability is installed")
UNKNOWN_FIELD = Code("CW205", "`with` has a key that is neither a field of the capability nor an option of a provider")
MISSING_FIELD = Code("CW206", "`with` lacks a field that the capability needs")
UNUSED_OPTION = Code("CW207", "an option belongs only to a provider that is not used this time", "warning")
OVERRIDE_UNUSED = Code("CW208", "a provider chosen for the run leaves a step's own choice in place", "warning")
BAD_OVERRIDE = Code("CW209", "a provider chosen for the run names no step, capability or provider")
PREFERRED_ABSENT = Code("CW210", "the provider preferred in the settings is not installed", "warning")

# CW3: references, expressions and types
BAD_REFERENCE = Code("CW301", "a ${…} reference or expression cannot be read")
NOT_ALLOWED = Code("CW302", "an expression uses something that expressions may not do")
UNKNOWN_NAME = Code("CW303", "a reference begins with a name that does not exist")
UNKNOWN_MEMBER = Code("CW304", "a reference names a field that its value does not have")
TYPE_MISMATCH = Code("CW305", "a reference has another type than the place it feeds")
MAY_BE_MISSING = Code("CW306", "a value that may be missing feeds a place that needs one")
NOT_A_LIST = Code("CW307", "`for_each` goes over something that is not a list")
ITEM_OUTSIDE = Code("CW308", "`item` or `index` is used outside a `for_each`")
NOT_A_CONDITION = Code("CW309", "`when` is neither true nor false")
LITERAL_WANTED = Code("CW310", "a reference stands where the value must be written out")
NOT_IN_TEXT = Code("CW311", "a value that is not text-like is used inside text")
BAD_OPERANDS = Code("CW312", "an operator or filter is given a type it cannot work with")

# CW4: the graph of steps
LATER_STEP = Code("CW401", "a step refers to itself or to a later step")
CYCLE = Code("CW402", "steps refer to each other in a circle")
UNKNOWN_STEP = Code("CW403", "`needs` names a step that does not exist")
UNUSED_INPUT = Code("CW404", "an input is never used", "warning")
UNUSED_STEP = Code("CW405", "a step's result reaches no output", "warning")
OUTPUT_MAY_BE_MISSING = Code("CW406", "an output is not made when its step is skipped", "warning")
NO_OUTPUTS = Code("CW407", "the pipeline has no outputs, so a run leaves nothing to take away", "warning")
EMPTY_OUTPUT = Code("CW408", "an output refers to nothing")

# CW5: prompt templates
BAD_PROMPT_PATH = Code("CW501", "a prompt path leads outside the pipeline's folder")
NO_PROMPT = Code("CW502", "a prompt file does not exist or is not readable text")
BAD_TEMPLATE = Code("CW503", "a prompt template is not valid Jinja2, or uses what prompts may not do")
UNKNOWN_DATA = Code("CW504", "a prompt template uses a name that `data` does not hold")
UNDECLARED = Code("CW505", "a prompt template uses a name that its front matter does not declare")
NOT_DECLARED = Code("CW506", "`data` has a key that the front matter of the prompt does not declare")
PROMPT_LACKS = Code("CW507", "`data` lacks what the front matter of the prompt requires")

CODES: dict[str, Code] = {code.id: code for code in list(vars().values()) if isinstance(code, Code)}
"""All of them by id, in the order of their numbers."""


def table() -> str:
    """The codes as rows of a Markdown table: code, severity, meaning."""
    return "".join(f"| {code.id} | {code.severity} | {code.meaning} |\n" for code in CODES.values())
