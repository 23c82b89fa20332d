"""Rankings of heads and masked accuracies measured elsewhere: read, checked and laid out."""
