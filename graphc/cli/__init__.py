"""The ``graphc`` command."""
