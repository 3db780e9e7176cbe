"""Effects: one module a step of the story, named after it. Each is repeatable: done twice, it is done once.

The engine runs an activity at least once; keys derived from request and step make the chart hold it exactly once.
"""
