"""A batch of images and captions as a matrix: each row a line-up of captions, each column one of images."""
