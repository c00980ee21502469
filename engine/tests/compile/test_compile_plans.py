"""What a sound pipeline becomes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coursewright import plan
from coursewright.catalog import Catalog, catalog_of
from coursewright.compile import compile_pipeline
from coursewright.compile.forms import plain_schema_of_inputs, schema_of_inputs
from coursewright.errors import CompileFailed
from coursewright.plan import Expression, Literal, Plan, Ref, Text

COURSE = (Path(__file__).parent / "course.yaml").read_text("utf-8")
PROMPT = {"prompts/course.md": "Write about {{ notes }} in {{ minutes }} minutes, in {{ language }}."}


@pytest.fixture
def course(check: Any) -> Plan:
    result = check(COURSE, PROMPT)
    assert result.problems == ()
    compiled: Plan = result.plan
    return compiled


@pytest.fixture
def step_of(check: Any) -> Any:
    """The compiled step `say` of a pipeline whose step has these lines."""

    def compile_step(lines: str, more: str = "", **options: Any) -> plan.Step:
        inputs = "inputs: {topic: {type: text, required: false}, n: {type: integer, default: 2}}\n"
        said = "  say:\n" + "".join(f"    {line}\n" for line in lines.split("\n"))
        result = check(inputs + "steps:\n" + more + said + "outputs: {a: '${say}'}", **options)
        assert [str(problem) for problem in result.problems if problem.severity == "error"] == []
        step: plan.Step = next(step for step in result.plan.steps if step.name == "say")
        return step

    return compile_step


def test_a_plan_survives_json(course: Plan) -> None:
    assert msgspec.json.decode(msgspec.json.encode(course), type=Plan) == course


def test_steps_stand_in_order_with_what_they_read(course: Plan) -> None:
    assert {step.name: step.reads for step in course.steps} == {
        "text": (),
        "script": ("text",),
        "voice": ("script",),
        "presenter": ("voice",),
        "slides": ("script",),
        "film": ("script", "slides", "voice", "presenter"),
        "package": ("film", "script"),
        "movie": ("film", "script"),
    }
    assert course.steps[-1].needs == ("film",)


def test_values_are_typed_by_their_place(course: Plan) -> None:
    steps = {step.name: step for step in course.steps}
    assert steps["package"].values["version"] == Literal("1.2")
    assert steps["script"].values["temperature"] == Literal(0.2)
    assert steps["script"].values["prompt"] == plan.Template("prompts/course.md", PROMPT["prompts/course.md"])
    assert steps["script"].values["data"] == plan.Mapping(
        {
            "notes": Ref(("text", "markdown")),
            "minutes": Ref(("inputs", "minutes")),
            "language": Ref(("inputs", "language")),
        }
    )
    assert steps["slides"].values["footer"] == Text(
        (
            Expression("index + 1", ("index",)),
            Literal(" of "),
            Expression("script.scenes | length", ("script",)),
        )
    )
    assert steps["movie"].values["title"] == Text((Literal("Film: "), Ref(("script", "title")), Literal(" (${draft})")))
    assert steps["package"].when == Expression("inputs.packed and film.duration_s > 10", ("inputs", "film"))
    assert course.outputs[2].value == Ref(("script", "scenes", 0, "title"))


def test_keys_of_a_step(course: Plan) -> None:
    steps = {step.name: step for step in course.steps}
    voice = steps["voice"]
    assert voice.for_each == Ref(("script", "scenes"))
    assert (voice.retry, voice.timeout_s) == (plan.Retry(attempts=3, backoff_s=5.0), 5400.0)
    assert voice.providers == ("tts.piper", "tts.espeak")
    assert (steps["presenter"].optional, steps["film"].optional) == (True, False)
    assert (steps["movie"].cache, steps["film"].cache) == (False, None)
    assert (steps["script"].returns, steps["script"].providers) == ("script", ("llm.llama", "llm.outline"))
    assert steps["slides"].providers == ("slides.typst",)


def test_inputs(course: Plan) -> None:
    specs = {spec.name: spec for spec in course.inputs}
    assert specs["minutes"] == plan.InputSpec(
        name="minutes", type="integer", required=False, default=5, minimum=1, maximum=60, unit="min"
    )
    assert specs["packed"].default is True
    assert (specs["voice"].required, specs["notes"].required, specs["language"].required) == (False, True, False)


def test_a_form_knows_the_unit_of_a_number(course: Plan) -> None:
    minutes = {"title": "Minutes", "type": "integer", "position": 4, "minimum": 1, "maximum": 60, "default": 5}
    assert schema_of_inputs(course)["properties"]["minutes"] == {**minutes, "unit": "min"}
    assert plain_schema_of_inputs(course)["properties"]["minutes"] == {**minutes, "description": "In min."}


def test_a_literal_default_of_false_or_zero_counts(check: Any) -> None:
    result = check(
        "inputs: {a: {type: boolean, default: false}, b: {type: integer, default: 0}, c: {type: text, default: ''}}\n"
        "steps: {s: {uses: llm, with: {data: {a: '${inputs.a}', b: '${inputs.b}', c: '${inputs.c}'}}}}\n"
        "outputs: {o: '${s.text}'}\n"
    )
    assert [(spec.default, spec.required) for spec in result.plan.inputs] == [(False, False), (0, False), ("", False)]


def test_text_is_kept_as_written(step_of: Any) -> None:
    for written, text in [("no", "no"), ("012", "012"), ("1e3", "1e3"), ("~", "~"), ("1:30", "1:30"), ("'on'", "on")]:
        assert step_of(f"uses: tts\nwith: {{text: {written}}}").values["text"] == Literal(text)


def test_language_no_is_norwegian(step_of: Any) -> None:
    assert step_of("uses: tts\nwith: {text: hei, language: no}").values["language"] == Literal("no")


def test_any_value_is_read_as_json_would(step_of: Any) -> None:
    step = step_of("uses: llm\nwith: {data: {n: 5, s: '5', f: 1.5, b: true, w: yes, x: null, l: [1, two], m: {k: 3}}}")
    assert step.values["data"] == Literal(
        {"n": 5, "s": "5", "f": 1.5, "b": True, "w": "yes", "x": None, "l": [1, "two"], "m": {"k": 3}}
    )


def test_options_of_several_types(step_of: Any) -> None:
    for written, value in [("7", 7), ("'7'", "7"), ("many", "many")]:
        assert step_of(f"uses: llm.llama\nwith: {{seed: {written}, stop: [a, 1]}}").values == {
            "seed": Literal(value),
            "stop": Literal(["a", "1"]),
        }


def test_a_prompt_may_be_absent_and_data_may_be_unused(step_of: Any) -> None:
    assert step_of("uses: llm\nwith: {data: {topic: '${inputs.topic}'}}").values == {
        "data": plan.Mapping({"topic": Ref(("inputs", "topic"))})
    }


def test_a_condition_makes_what_it_asks_for_present(step_of: Any) -> None:
    for condition in ("inputs.topic", "inputs.topic is defined and inputs.n > 1", "not (inputs.topic is none)"):
        lines = f"uses: tts\nwhen: ${{{condition}}}\nwith: {{text: '${{inputs.topic}}'}}"
        assert step_of(lines).when is not None


def test_steps_of_one_condition_may_use_each_other(step_of: Any) -> None:
    step_of(
        "uses: tts\nwhen: ${inputs.n > 1}\nwith: {text: '${write.text}'}",
        more="  write: {uses: llm, when: '${inputs.n > 1}'}\n",
    )


def test_an_optional_step_may_be_given_what_is_missing(step_of: Any) -> None:
    lines = "uses: tts\noptional: true\nwith: {text: 'About ${write.text}'}"
    assert step_of(lines, more="  write: {uses: llm, optional: true}\n").optional


def test_for_each_over_written_values(step_of: Any) -> None:
    step = step_of("uses: tts\nfor_each: [en, de, no]\nwith: {text: hello, language: '${item}'}")
    assert step.for_each == Literal(["en", "de", "no"])


def test_the_name_of_a_pipeline_is_its_own_or_the_files(course: Plan, check: Any) -> None:
    assert course.name == "talking_head_course"
    assert check("steps: {s: {uses: llm}}\noutputs: {o: '${s.text}'}").plan.name == "lesson"


class TestProviders:
    """The order of precedence."""

    def providers(self, step_of: Any, lines: str = "uses: tts\nwith: {text: a}", **options: Any) -> tuple[str, ...]:
        found: tuple[str, ...] = step_of(lines, **options).providers
        return found

    def test_all_that_are_installed_most_preferred_first(self, step_of: Any) -> None:
        assert self.providers(step_of) == ("tts.piper", "tts.espeak")

    def test_who_sends_material_elsewhere_has_to_be_named(self, check: Any, catalog: Catalog) -> None:
        text = "steps: {voice: {uses: tts, with: {text: Hello}}}"
        cloud, home = (
            type(name.title(), (catalog.provider("tts.piper"),), {"name": name, "sends": sends})
            for name, sends in (("cloud", "the text, to a service"), ("home", ""))
        )

        def chosen(*kinds: Any, **more: Any) -> tuple[str, ...]:
            plan = check(text, catalog=catalog_of({"fakes": kinds}), **more).plan
            ids: tuple[str, ...] = plan.steps[0].providers
            return ids

        assert chosen(cloud, home) == ("tts.home",)
        assert chosen(cloud) == ("tts.cloud",)
        assert chosen(cloud, home, preferred={"tts": "cloud"}) == ("tts.cloud",)
        assert chosen(cloud, home, overrides={"tts": "cloud"}) == ("tts.cloud",)

    def test_the_settings_before_that(self, step_of: Any) -> None:
        assert self.providers(step_of, preferred={"tts": "espeak"}) == ("tts.espeak",)

    def test_defaults_before_the_settings(self, check: Any) -> None:
        text = "defaults: {provider: {tts: [piper, espeak]}}\nsteps: {say: {uses: tts, with: {text: a}}}\n"
        assert check(text, preferred={"tts": "espeak"}).plan.steps[0].providers == ("tts.piper", "tts.espeak")
        assert check(text, overrides={"tts": "espeak"}).plan.steps[0].providers == ("tts.espeak",)

    def test_the_capabilitys_override_before_the_settings(self, step_of: Any) -> None:
        chosen = self.providers(step_of, overrides={"tts": "tts.espeak"}, preferred={"tts": "piper"})
        assert chosen == ("tts.espeak",)

    def test_the_steps_own_before_the_capabilitys_override(self, step_of: Any) -> None:
        assert self.providers(step_of, "uses: tts.piper\nwith: {text: a}", overrides={"tts": "espeak"}) == (
            "tts.piper",
        )

    def test_an_override_picks_from_the_steps_list(self, step_of: Any) -> None:
        lines = "uses: tts\nprovider: [piper, espeak, zyphra]\nwith: {text: a}"
        assert self.providers(step_of, lines) == ("tts.piper", "tts.espeak")
        assert self.providers(step_of, lines, overrides={"tts": "espeak"}) == ("tts.espeak",)

    def test_the_steps_override_before_all(self, step_of: Any) -> None:
        lines = "uses: tts.zyphra\nwith: {text: a}"
        assert self.providers(step_of, lines, overrides={"say": "espeak", "tts": "piper"}) == ("tts.espeak",)

    def test_options_of_a_provider_set_aside_are_left_out(self, step_of: Any) -> None:
        lines = "uses: tts\nwith: {text: a, whisper: true, rate_wpm: 100}"
        assert set(step_of(lines, overrides={"say": "espeak"}).values) == {"text", "rate_wpm"}


def test_compile_raises_what_check_reports(catalog: Catalog) -> None:
    with pytest.raises(CompileFailed) as caught:
        compile_pipeline("steps: {a: {}}", name="a.yaml", catalog=catalog, read=lambda path: None)
    assert "a.yaml:1:9: step 'a' lacks 'uses' [CW102]" in str(caught.value)
    assert caught.value.problems


def test_a_prompt_is_asked_for_by_its_path_only(check: Any, catalog: Catalog) -> None:
    for path in ("/etc/passwd", "../secret.md", "a/../../b", "C:/x", "a\\b", "//host/x", ""):
        text = f"steps: {{w: {{uses: llm, with: {{prompt: '{path}'}}}}}}\noutputs: {{a: '${{w}}'}}"
        result = check(text, {path: "text"})
        assert [problem.code for problem in result.problems] == ["CW501"]


def test_a_thousand_steps_are_enough(check: Any) -> None:
    def steps(count: int) -> Any:
        return check("steps:\n" + "".join(f"  s{i}: {{uses: llm}}\n" for i in range(count)) + "outputs: {a: '${s0}'}")

    assert steps(1000).plan is not None
    assert [problem.code for problem in steps(1001).problems] == ["CW110"]


def test_the_compiler_imports_no_heavy_library() -> None:
    code = (
        "import sys, coursewright.compile, coursewright.compile.schema, coursewright.expressions; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"prefect", "litestar", "piccolo", "asyncio", "minio", "numpy"} & set(done.stdout.split())
