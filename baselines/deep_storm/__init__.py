"""Networks in the style of Deep-STORM, which draw molecules on a finer grid than the camera's."""
