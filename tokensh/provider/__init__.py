"""What the API offers: provider documents and the catalog made of them."""
