"""A video vision transformer in place of the U-Net of ANNA-PALM."""
