/** Raised by one whenever a method's meaning changes for an older client. In a file of its own because clients load no schemas. */
export const PROTOCOL_VERSION = 1;
