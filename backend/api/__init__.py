"""HTTP and WebSocket: what people and programs see and may do."""
