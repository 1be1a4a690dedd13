/// Sends a request to the provider that serves it best.
public enum VideoRouter {}
