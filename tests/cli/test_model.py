"""A bundled network goes out as a zip and comes back by commands."""


def test_a_network_goes_out_and_comes_back(run, tmp_path):
    code, said = run("model", "export", "dblink", "--out", tmp_path / "a.zip")
    assert (code, said.split(" in ")[0]) == (0, "smlmsim dblink (BSD-3-Clause)")
    code, said = run("model", "import", tmp_path / "a.zip", "--out", tmp_path / "a.safetensors")
    assert code == 0
    assert said.startswith(
        f"weights of dblink in {tmp_path / 'a.safetensors'}; smlmsim reconstruct TABLE --with dblink"
    )
    code, said = run(
        "model", "export", "dblink", "--weights", tmp_path / "a.safetensors", "--out", tmp_path / "b.zip"
    )
    assert code == 1
    assert "--author='Family, Given'" in said or "--author 'Family, Given'" in said
