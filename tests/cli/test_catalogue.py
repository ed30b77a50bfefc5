"""The catalogue on the command line: tables are added, found, shown and drawn."""

from table_file import table_file


def test_tables_are_added_found_shown_and_drawn(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SMLMSIM_CATALOGUE", str(tmp_path / "c.sqlite"))
    table_file(tmp_path / "data" / "a.csv", structure="NPC")
    table_file(tmp_path / "data" / "b.smlm", name="Lamina", structure="nuclear lamina", tags=["batch 7"])
    code, said = run("catalogue", "add", tmp_path / "data", "--exposure-s", 0.05, "--tag", "modality:STROM")
    assert code == 0
    assert "did you mean 'modality:STORM'?" in said
    assert f"2 added, 0 as they were, 0 gone, 0 left out; 2 tables in {tmp_path / 'c.sqlite'}" in said
    code, said = run("catalogue", "search", "structure:nucleus", "rate_hz>10")
    first, second = said.splitlines()[1:]
    assert first.startswith("1       a.csv   400            80 Hz  10 nm      3 x 2.99 um  ")
    assert first.endswith("um  nuclear pore, STROM (?)")
    assert second.startswith("2       Lamina  400            80 Hz  10 nm      3 x 2.99 um  ")
    assert second.endswith("um  nuclear lamina, STROM (?), batch 7 (?)")
    code, said = run("catalogue", "show", 1)
    assert code == 0
    for words in ("structure:nuclear pore = GO:0005643", "modality:STROM (?)", "similar  2  Lamina (0.8"):
        assert words in said
    code, said = run("catalogue", "gallery", "structure:nucleus", "--out", tmp_path / "g.html")
    assert said.startswith(f"2 tables in {tmp_path / 'g.html'}: 0.0")


def test_what_is_not_there_is_one_line(run, tmp_path):
    code, said = run("catalogue", "search", "--index", tmp_path / "absent")
    assert (code, said.count("\n")) == (1, 1)
    assert "`smlmsim catalogue add PATH` begins one" in said
    table_file(tmp_path / "a.smlm")
    run("catalogue", "add", tmp_path / "a.smlm", "--index", tmp_path / "c")
    code, said = run("catalogue", "show", 9, "--index", tmp_path / "c")
    assert (code, said) == (
        1,
        "error: there is no table 9 in the catalogue; `smlmsim catalogue search` lists all\n",
    )
    assert run("catalogue", "search", "actin", "--index", tmp_path / "c") == (0, "no table fits\n")
    (tmp_path / "text").write_text("x" * 5000)
    code, said = run("catalogue", "search", "--index", tmp_path / "text")
    assert "choose another with --index PATH" in said
