"""Many movies of one study in one store: simulated in parallel, resumed, read by xarray, and cropped for training.

The torch datasets are in :mod:`smlmsim.corpus.dataset`, so that nothing else here loads torch.
"""

from smlmsim.corpus.augmentation import Augmentation
from smlmsim.corpus.choice import Choice
from smlmsim.corpus.corpus import Corpus, CorpusError, Range
from smlmsim.corpus.export import export
from smlmsim.corpus.generate import Damage, generate, repair, verify
from smlmsim.corpus.read import info, open_corpus, read_movie

__all__ = [
    "Augmentation", "Choice", "Corpus", "CorpusError", "Damage", "Range", "export", "generate", "info", "open_corpus",
    "read_movie", "repair", "verify",
]  # fmt: skip
