"""The detector as a service: pictures in over HTTP, what is seen in them out."""
