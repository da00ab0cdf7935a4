/** Forms with every kind of field that a client must show. */
import type { ElicitRequestFormParams } from '@modelcontextprotocol/server';

/** A default value for each primitive type (SEP-1034). */
export const DEFAULTS_FORM: ElicitRequestFormParams = {
  message: 'Is this still right?',
  requestedSchema: {
    type: 'object',
    properties: {
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    },
  },
};

/** One or several of a list, with and without titles, and in the older way to give titles (SEP-1330). */
export const ENUMS_FORM: ElicitRequestFormParams = {
  message: 'Which of these?',
  requestedSchema: {
    type: 'object',
    properties: {
      untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
      titledSingle: {
        type: 'string',
        oneOf: [
          { const: 'value1', title: 'The first' },
          { const: 'value2', title: 'The second' },
        ],
      },
      legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['The one', 'The other'] },
      untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
      titledMulti: {
        type: 'array',
        items: {
          anyOf: [
            { const: 'value1', title: 'The first' },
            { const: 'value2', title: 'The second' },
          ],
        },
      },
    },
  },
};
