"""What a platform is: its contract, signature schemes, lenient payload schemas and samples."""
