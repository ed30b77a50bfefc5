"""Data are fetched on the command line; what they are, how to cite them and their licence is shown first."""

import pytest

TABLE = b"frame,x [nm],y [nm]\n1,10,20\n"


def test_several_records_are_fetched_with_licence_and_citation(run, repository, tmp_path):
    first = repository.add(7, {"a.csv": TABLE, "b.tif": b"b"})
    second = repository.add(8, {"c.csv": TABLE}, license=None, title="Other")
    code, said = run("fetch", first, second, "--file", "*.csv", "--into", tmp_path)
    assert code == 0
    folders = [tmp_path / f"127.0.0.1-{number}" for number in (7, 8)]
    cite = "Doe, Jane; Roe, Rick (2021)"
    assert said.splitlines() == [
        "Microtubules & friends",
        "  licence   CC-BY-4.0",
        f"  citation  {cite}. Microtubules & friends. Zenodo. https://doi.org/{first}",
        "  files     1 of 2, 28 bytes",
        str(folders[0] / "a.csv"),
        "Other",
        "  licence   none stated: ask the authors before you use or share them",
        f"  citation  {cite}. Other. Zenodo. https://doi.org/{second}",
        "  files     1 of 1, 28 bytes",
        str(folders[1] / "c.csv"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["10.5281/zenodo.1"], "error: 127.0.0.1 has no record 1; check the DOI or the address"),
        (["http://example.org/a"], "error: 'http://example.org/a' is not encrypted"),
        (["zenodo.7", "--file", "x"], "error: 'Microtubules & friends' has no file 'x'; there are: a.csv"),
        (["zenodo.7", "--limit-gb", 1e-9], "choose some with --file NAME, or give a greater --limit-gb"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(run, repository, arguments, said):
    repository.add(7, {"a.csv": TABLE})
    code, found = run("fetch", *arguments)
    assert code == 1
    assert found.count("\n") == 1
    assert said in found
