"""A network in the manner of DBlink: two recurrent passes through the movie, then a convolutional network per frame."""
