"""Networks in the style of DeepLoco, which list molecules as points with probabilities."""
