"""Shared by the tests of commands whose JSON is described by a schema in docs/schema."""

import json

import jsonschema  # Debian: python3-jsonschema. Without it these tests fail and must not be skipped.

from command import REPOSITORY, CommandTest


class SchemaTest(CommandTest):
    """A class sets COMMAND and SCHEMA, the name of its file."""

    COMMAND = SCHEMA = None

    def schema(self):
        return json.loads((REPOSITORY / "docs/schema" / self.SCHEMA).read_text())

    def json(self, *arguments, code=0):
        """The document, which has every member that the schema describes, and no other."""
        text = self.expect(code, self.COMMAND, *arguments, "--format", "json").out
        document = json.loads(text, parse_constant=lambda constant: self.fail(f"{constant} is not JSON"))
        schema = self.schema()
        jsonschema.validators.validator_for(schema)(schema).validate(document)
        self.assertEqual(set(document), set(schema["properties"]))
        return document

    def expect_a_schema(self):
        jsonschema.validators.validator_for(self.schema()).check_schema(self.schema())
