import { hex } from '../engine/random.js';

/** A version 4 UUID from four random 32-bit numbers. */
export const uuid = (numbers: readonly number[]): string =>
  hex(numbers).replace(/(.{8})(.{4}).(.{3}).(.{3})(.{12})/, '$1-$2-4$3-a$4-$5');
