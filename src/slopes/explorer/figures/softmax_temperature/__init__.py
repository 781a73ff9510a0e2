"""What a temperature does to a softmax: from the winner takes all to everybody alike."""
