"""FedEx's REST APIs: Authorization, Ship, Track, Rate, Address Validation, Availability."""
