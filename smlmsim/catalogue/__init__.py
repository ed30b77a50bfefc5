"""A local catalogue of localization tables: what they show and how, found by tags that know of each other."""
