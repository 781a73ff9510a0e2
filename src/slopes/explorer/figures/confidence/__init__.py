"""What a model that is wrong and certain is taught by cross-entropy, and what by squared error on a softmax."""
