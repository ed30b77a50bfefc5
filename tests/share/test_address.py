"""DOIs and addresses lead to records or files, and only over encrypted connections."""

import pytest

from smlmsim.share.address import Address, address

ZENODO = "https://zenodo.org"


@pytest.fixture(autouse=True)
def _no_server(monkeypatch):
    monkeypatch.delenv("SMLMSIM_SERVER", raising=False)


@pytest.mark.parametrize(
    "source",
    [
        "10.5281/zenodo.123", "doi:10.5281/zenodo.123", "DOI: 10.5281/ZENODO.123", "https://doi.org/10.5281/zenodo.123",
        "http://dx.doi.org/10.5281%2Fzenodo.123", "zenodo.123", "zenodo:123", "https://zenodo.org/records/123",
        "https://zenodo.org/record/123/", "https://www.zenodo.org/records/123?preview=1", "https://zenodo.org/api/records/123",
        "https://zenodo.org/doi/10.5281/zenodo.123", " https://zenodo.org/records/123#files ",
    ],
)  # fmt: skip
def test_every_way_to_name_a_record_leads_to_it(source):
    assert address(source) == Address(ZENODO, "123")


@pytest.mark.parametrize("path", ["records/123/files/a%20b.csv", "api/records/123/files/a%20b.csv/content"])
def test_the_address_of_a_file_of_a_record_chooses_it(path):
    assert address(f"{ZENODO}/{path}?download=1") == Address(ZENODO, "123", "a b.csv")


def test_another_server_is_an_option_or_a_variable(monkeypatch):
    assert address("zenodo.1", "http://localhost:8000/").server == "http://localhost:8000"
    monkeypatch.setenv("SMLMSIM_SERVER", "https://data.example.org")
    assert address("10.1234/zenodo.1") == Address("https://data.example.org", "1")
    assert address("10.5072/zenodo.1", "").folder == "data.example.org-1"


def test_the_sandbox_and_files_anywhere_have_folders_of_their_own():
    assert address("10.5072/zenodo.123").folder == "sandbox.zenodo.org-123"
    assert address("10.5281/zenodo.123").folder == "zenodo-123"
    first, second = (address(f"https://Example.org/{name}").folder for name in ("a/x.csv", "b/x.csv"))
    assert first != second
    assert first.startswith("example.org-")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("10.1038/s41592-022-01659-0", "not the DOI of a Zenodo record"),
        ("https://doi.org/10.1038/s41592-022-01659-0", "not the DOI of a Zenodo record"),
        ("http://example.org/a.csv", "not encrypted"),
        ("ftp://example.org/a.csv", "neither a DOI"),
        ("file:///etc/passwd", "neither a DOI"),
        ("microtubules", "neither a DOI"),
        ("", "neither a DOI"),
        ("https://", "neither a DOI"),
        ("https://[::1", "not the address of anything"),
        ("https://host:99999999/a", "not the address of anything"),
        ("https://me:secret@example.org/a.csv", "a user or a password"),
        ("http://127.0.0.1.example.org/a", "not encrypted"),
    ],
)
def test_what_is_not_fetched_is_refused_with_the_reason(source, said):
    with pytest.raises(ValueError, match=said) as error:
        address(source)
    assert "secret" not in str(error.value)


def test_a_server_in_the_open_is_refused():
    with pytest.raises(ValueError, match="not encrypted"):
        address("zenodo.1", "http://zenodo.org")
