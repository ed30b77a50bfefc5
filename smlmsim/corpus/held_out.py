"""Check that validation and training use different movies."""

from __future__ import annotations

import logging
from pathlib import Path

from smlmsim.corpus.corpus import Corpus, CorpusError
from smlmsim.corpus.store import CorpusStore
from smlmsim.pipeline import Hybrid, Simulated

logger = logging.getLogger(__name__)


def require_held_out(corpus: Path, validation: Path) -> None:
    """Raise an error if validation would use movies of the training corpus.

    Two corpora of the same kind and seed have movies of the same structures, even with other settings or another number
    of movies. Hybrid corpora without a common table do not.

    Raises
    ------
    CorpusError
        If it would, or if there is no corpus at one of the paths.
    """
    trained, held_out = CorpusStore(corpus).corpus, CorpusStore(validation).corpus
    if corpus.resolve() == validation.resolve() or _same_movies(trained, held_out):
        raise CorpusError(
            f"{validation} holds movies of {corpus}, on which the network is trained (both have seed={held_out.seed}); "
            "validate on a corpus of another seed"
        )
    if shared := _tables(trained) & _tables(held_out):
        names = ", ".join(sorted(path.name for path in shared))
        logger.info("validating on other patches of the tables that are trained on: %s", names)


def _same_movies(trained: Corpus, held_out: Corpus) -> bool:
    if trained.seed != held_out.seed or trained.study.kind != held_out.study.kind:
        return False
    return not isinstance(trained.study, Hybrid) or bool(_tables(trained) & _tables(held_out))


def _tables(corpus: Corpus) -> set[Path]:
    study = corpus.study
    return {found.table.resolve() for found in study.tables} if isinstance(study, Hybrid) else set()


def study_of(path: Path) -> Simulated:
    """Return the common study of the movies of a corpus.

    Raises
    ------
    CorpusError
        If there is no corpus.
    """
    return CorpusStore(path).corpus.study
