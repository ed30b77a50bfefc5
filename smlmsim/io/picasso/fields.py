"""The fields of Picasso's records, and their names in the vocabulary."""

FIELDS = {
    "loc_frame": "frame",
    "loc_x": "x",
    "loc_y": "y",
    "loc_z": "z",
    "loc_intensity": "photons",
    "loc_sigma_x": "sx",
    "loc_sigma_y": "sy",
    "loc_background": "bg",
    "loc_uncertainty_x": "lpx",
    "loc_uncertainty_y": "lpy",
    "loc_uncertainty_z": "lpz",
    "loc_channel": "channel",
}
PIXELS = (
    "loc_x", "loc_y", "loc_sigma_x", "loc_sigma_y", "loc_uncertainty_x", "loc_uncertainty_y",
)  # fmt: skip
"""Variables in camera pixels; all other lengths are in nm."""
WHOLE = {"frame": "<u4", "channel": "<i4", "group": "<i4"}
MEAN_FRAME = "mean_frame"
"""Name in other files of the field "frame" of a table of molecules, which is not a camera frame."""
PRECISIONS = ("lpx", "lpy")
