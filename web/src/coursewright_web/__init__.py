"""The web interface: pages for browsers over the service's API."""
