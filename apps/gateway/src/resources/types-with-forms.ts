import { type ResourceType, resourceTypes } from '#model';

/** Resource types with custom settings and forms for them. Reference: resources §2. */
export const typesWithForms: readonly ResourceType[] = Object.values(resourceTypes).filter(({ input }) =>
  Object.hasOwn(input.shape, 'settingsForm'),
);
