"""One model and its prompts become tables; a room per pipeline that measures."""
