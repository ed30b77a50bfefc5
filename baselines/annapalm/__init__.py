"""ANNA-PALM: conditional adversarial networks, in two and three dimensions."""
