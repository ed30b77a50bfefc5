"""Licences of data and code, by their SPDX identifiers."""

from __future__ import annotations

import difflib

LICENCES = {
    "CC0-1.0": ("Creative Commons Zero 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "CC-BY-4.0": (
        "Creative Commons Attribution 4.0 International",
        "https://creativecommons.org/licenses/by/4.0/",
    ),
    "CC-BY-SA-4.0": (
        "Creative Commons Attribution Share Alike 4.0 International",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ),
    "CC-BY-NC-4.0": (
        "Creative Commons Attribution Non Commercial 4.0 International",
        "https://creativecommons.org/licenses/by-nc/4.0/",
    ),
    "CC-BY-ND-4.0": (
        "Creative Commons Attribution No Derivatives 4.0 International",
        "https://creativecommons.org/licenses/by-nd/4.0/",
    ),
    "CC-BY-NC-SA-4.0": (
        "Creative Commons Attribution Non Commercial Share Alike 4.0 International",
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    ),
    "CC-BY-NC-ND-4.0": (
        "Creative Commons Attribution Non Commercial No Derivatives 4.0 International",
        "https://creativecommons.org/licenses/by-nc-nd/4.0/",
    ),
    "BSD-3-Clause": (
        'BSD 3-Clause "New" or "Revised" License',
        "https://opensource.org/license/bsd-3-clause",
    ),
    "MIT": ("MIT License", "https://opensource.org/license/mit"),
    "Apache-2.0": ("Apache License 2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    "ODC-By-1.0": (
        "Open Data Commons Attribution License v1.0",
        "https://opendatacommons.org/licenses/by/1-0/",
    ),
    "ODbL-1.0": (
        "Open Data Commons Open Database License v1.0",
        "https://opendatacommons.org/licenses/odbl/1-0/",
    ),
    "PDDL-1.0": (
        "Open Data Commons Public Domain Dedication & License 1.0",
        "https://opendatacommons.org/licenses/pddl/1-0/",
    ),
}
"""SPDX identifier -> the name of the licence, and where its text is."""


def spdx(name: str) -> str:
    """Return a licence by its SPDX identifier in the usual spelling; an unknown one unchanged.

    Examples
    --------
    >>> spdx("cc-by-4.0"), spdx("CC BY 4.0"), spdx("other-open")
    ('CC-BY-4.0', 'CC-BY-4.0', 'other-open')
    """
    return {known.casefold(): known for known in LICENCES}.get(_plain(name), name)


def require_known(name: str) -> str:
    """Return the SPDX identifier of a licence.

    Raises
    ------
    ValueError
        If it is not known; the message says which one is meant, or which there are.
    """
    found = spdx(name)
    if found in LICENCES:
        return found
    plain = {known.casefold(): known for known in LICENCES}
    begun = [known for lower, known in plain.items() if lower.startswith(_plain(name))]
    near = begun or [plain[each] for each in difflib.get_close_matches(_plain(name), plain, n=1)]
    hint = (
        f"did you mean license={near[0]}?" if near and name.strip() else f"there are: {', '.join(LICENCES)}"
    )
    raise ValueError(f"no licence {name!r} is known; {hint}")


def _plain(name: str) -> str:
    return "-".join(name.casefold().replace("_", " ").replace("-", " ").split())
