"""Services that may live on a machine of their own, beside the product."""
