"""The last net under secrets: what leaves the process is searched for them, in every spelling that is known here.

`redactor` holds the secrets and masks; `pieces` says what in a value is secret, `forms` how it may be encoded, `views`
undoes escapes in the text, `grams` finds; `byte_stream`, `output` and `records` are the ways out, `process` guards them
all. Nothing here decides what may be logged: a secret should not have come this far.
"""
