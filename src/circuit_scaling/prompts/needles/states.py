"""The states of the USA and D.C.: which ones a text names, in whatever usual spelling."""

from __future__ import annotations

import re

DISTRICT = "District of Columbia"

STATES: dict[str, tuple[str, ...]] = {
    "Alabama": ("AL", "Ala."),
    "Alaska": ("AK",),
    "Arizona": ("AZ", "Ariz."),
    "Arkansas": ("AR", "Ark."),
    "California": ("CA", "Calif."),
    "Colorado": ("CO", "Colo."),
    "Connecticut": ("CT", "Conn."),
    "Delaware": ("DE", "Del."),
    "Florida": ("FL", "Fla."),
    "Georgia": ("GA", "Ga."),
    "Hawaii": ("HI", "Hawai'i"),
    "Idaho": ("ID",),
    "Illinois": ("IL", "Ill."),
    "Indiana": ("IN", "Ind."),
    "Iowa": ("IA",),
    "Kansas": ("KS", "Kan.", "Kans."),
    "Kentucky": ("KY", "Ky."),
    "Louisiana": ("LA", "La."),
    "Maine": ("ME",),
    "Maryland": ("MD", "Md."),
    "Massachusetts": ("MA", "Mass."),
    "Michigan": ("MI", "Mich."),
    "Minnesota": ("MN", "Minn."),
    "Mississippi": ("MS", "Miss."),
    "Missouri": ("MO", "Mo."),
    "Montana": ("MT", "Mont."),
    "Nebraska": ("NE", "Neb.", "Nebr."),
    "Nevada": ("NV", "Nev."),
    "New Hampshire": ("NH", "N.H."),
    "New Jersey": ("NJ", "N.J."),
    "New Mexico": ("NM", "N.M.", "N. Mex."),
    "New York": ("NY", "N.Y."),
    "North Carolina": ("NC", "N.C.", "N. Carolina"),
    "North Dakota": ("ND", "N.D.", "N. Dakota"),
    "Ohio": ("OH",),
    "Oklahoma": ("OK", "Okla."),
    "Oregon": ("OR", "Ore."),
    "Pennsylvania": ("PA", "Pa.", "Penn.", "Penna."),
    "Rhode Island": ("RI", "R.I."),
    "South Carolina": ("SC", "S.C.", "S. Carolina"),
    "South Dakota": ("SD", "S.D.", "S. Dakota"),
    "Tennessee": ("TN", "Tenn."),
    "Texas": ("TX", "Tex."),
    "Utah": ("UT",),
    "Vermont": ("VT", "Vt."),
    "Virginia": ("VA", "Va."),
    "Washington": ("WA", "Wash."),
    "West Virginia": ("WV", "W. Va.", "W. Virginia"),
    "Wisconsin": ("WI", "Wis.", "Wisc."),
    "Wyoming": ("WY", "Wyo."),
    DISTRICT: ("DC", "D.C."),
}
"""Name -> its other spellings; a postal code, two capitals, comes first."""

# Places that hold the name of a state and lie, for the most part, in another one.
_ELSEWHERE = (
    "Kansas City",
    "Arkansas City",
    "Michigan City",
    "Missouri City",
    "Nevada City",
    "Virginia City",
    "Fort Washington",
    "Port Washington",
)
_WORDS = frozenset({"AL", "HI", "ID", "IN", "LA", "MA", "ME", "OH", "OK", "OR", "PA"})
"""Postal codes that a text may hold as words or parts of names."""

_CODES = {spellings[0]: state for state, spellings in STATES.items()}
_SHORT = {
    short.replace(" ", ""): state for state, spellings in STATES.items() for short in spellings[1:]
}
_NAMES = {state.casefold(): state for state in STATES}
_ALONE = {
    spelling.rstrip("."): state for state, spellings in STATES.items() for spelling in spellings
}
_IN_A_CELL = {spelling.casefold(): state for spelling, state in _ALONE.items()}
_AROUND = " .,;:'\"\n"


def _name(name: str) -> str:
    """The pattern of a name, whatever white space is between its words."""
    return r"\s+".join(re.escape(word) for word in name.split())


def _short(spelling: str) -> str:
    """The pattern of an abbreviation, with spaces behind its points or without."""
    return r"\.\s*".join(re.escape(part) for part in spelling.split("."))


_NAMED = re.compile(
    rf"""(?<![A-Za-z])(?:
        (?P<district>(?i:Washington,?\s*(?:D\.\s*C\b\.?|DC\b|{_name(DISTRICT)})))
      | (?P<elsewhere>(?i:{"|".join(map(_name, _ELSEWHERE))}))
      | (?P<name>(?i:{"|".join(map(_name, STATES))}))
      | (?P<short>{"|".join(map(_short, _SHORT))})
      | (?P<code>{"|".join(_CODES)})
    )(?![A-Za-z])""",
    re.VERBOSE,
)


def states_in(text: str) -> list[str]:
    """The states that a text names, by their full names, in the order in which it names them.

    The longest name counts (*West Virginia* is not *Virginia*, *Washington, D.C.* not
    *Washington*), and only whole words do (*Arkansas* is not *Kansas*). Names count in upper and
    lower case, abbreviations as they are written, with their points unless they are the whole
    text. A postal code that is a word as well (*IN*, *OR*), or that stands among capitals, counts
    alone or behind a comma only.
    """
    return [state for state, _ in states_with_places(text)]


def states_with_places(text: str) -> list[tuple[str, tuple[int, int]]]:
    """The same with the characters of each name: where it begins, and where it has ended."""
    bare = text.strip(_AROUND)
    if alone := _ALONE.get(bare):
        start = text.index(bare)
        return [(alone, (start, start + len(bare)))]
    named = ((_meant(match, text), match.span()) for match in _NAMED.finditer(text))
    return [(state, place) for state, place in named if state]


def state_of(cell: str) -> str | None:
    """The one state that a cell of a table names; none where it names no state, or several."""
    alone = _IN_A_CELL.get(cell.strip(_AROUND).casefold())
    named = {alone} if alone else set(states_in(cell))
    return named.pop() if len(named) == 1 else None


def _meant(match: re.Match[str], text: str) -> str | None:
    kind, spelling = match.lastgroup, match.group()
    if kind == "district":
        return DISTRICT
    if kind == "name":
        return _NAMES[" ".join(spelling.split()).casefold()]
    if kind == "short":
        return _SHORT["".join(spelling.split())]
    if kind == "code" and _is_a_code(match, text):
        return _CODES[spelling]
    return None


def _is_a_code(match: re.Match[str], text: str) -> bool:
    """Whether two capitals are meant as a state and not as a word."""
    if text[: match.start()].rstrip().endswith(","):
        return True
    return match.group() not in _WORDS and any(letter.islower() for letter in text)
