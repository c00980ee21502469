"""How steps depend on each other: order, circles, and what reaches an output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from coursewright.document import codes
from coursewright.document.problems import Place, Report

Reads = Mapping[str, Iterable[tuple[str, Place]]]


def check_order(report: Report, reads: Reads) -> None:
    """Report each reference to the step itself or a later one; a circle once, as a path."""
    position = {name: place for place, name in enumerate(reads)}
    edges = {name: {other for other, _ in read if other in position} for name, read in reads.items()}
    reported: list[set[str]] = []
    for name, read in reads.items():
        for other, at in read:
            if other not in position or position[other] < position[name]:
                continue
            if any({name, other} <= circle for circle in reported):
                continue
            if name == other:
                report.add(codes.LATER_STEP, at, f"step '{name}' refers to itself", "a step can use only earlier steps")
            elif (circle := shortest_path(edges, other, name)) is None:
                hint = f"move '{other}' before '{name}'"
                report.add(codes.LATER_STEP, at, f"step '{name}' refers to the later step '{other}'", hint)
            else:
                reported.append(set(circle))
                path = " → ".join((name, *circle) if len(circle) <= 12 else (name, *circle[:6], "…", *circle[-3:]))
                report.add(codes.CYCLE, at, f"steps wait for each other: {path}", "remove one of these references")


def shortest_path(edges: Mapping[str, set[str]], start: str, goal: str) -> list[str] | None:
    """From start to goal, both included; None when there is no way."""
    came_from: dict[str, str] = {start: start}
    front = [start]
    while front and goal not in came_from:
        following = []
        for name in front:
            for other in sorted(edges[name]):
                if other not in came_from:
                    came_from[other] = name
                    following.append(other)
        front = following
    if goal not in came_from:
        return None
    path = [goal]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]


def reaching(reads: Reads, goals: Iterable[str]) -> set[str]:
    """The goals and every step that they depend on, directly or not."""
    found: set[str] = set()
    pending = list(goals)
    while pending:
        name = pending.pop()
        if name not in found and name in reads:
            found.add(name)
            pending += [other for other, _ in reads[name]]
    return found
