"""From scores and answers of one model to rankings of heads, and to what is left without some."""
