"""Small real transformers with known training objectives, so that everything runs in minutes."""
