"""A network after DBlink: two recurrent passes through the movie, then a convolutional network per time point."""
