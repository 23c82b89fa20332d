"""Every published finding of both studies beside what the tables here give (docs, *Audit*)."""
