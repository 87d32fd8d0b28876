"""The interactive session: the only home of prompt_toolkit and pygments."""
