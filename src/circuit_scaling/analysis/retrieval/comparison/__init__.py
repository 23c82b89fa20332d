"""Rankings and accuracies of several methods, models, questions and lengths, compared."""
