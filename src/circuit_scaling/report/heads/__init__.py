"""Everything that is known of every head, for the cards that the page's search opens."""

from circuit_scaling.report.heads.cards import heads_json, tables_of_cards

__all__ = ["heads_json", "tables_of_cards"]
