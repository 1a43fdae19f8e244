import { expect, it } from '@jest/globals';
import { issueCodes } from '#model';
import { apiCodes } from './codes.js';

it('registers every code that documents can be refused with', () => {
  expect(Object.keys(apiCodes)).toEqual(expect.arrayContaining([...issueCodes]));
});
