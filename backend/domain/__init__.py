"""Our words and pure rules; nothing but the standard library."""
