class OntogenyError(ValueError):
    """Something that was asked for is not there or is not what it should be; the message says what is."""
