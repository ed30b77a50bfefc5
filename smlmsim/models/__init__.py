"""Networks with their weights as files of the BioImage.IO format, which other programs run."""

from smlmsim.models.reading import import_model
from smlmsim.models.writing import Rights, export_model

__all__ = ["Rights", "export_model", "import_model"]
