"""The bundled reconstructors, found through entry points like any other plug-in."""
