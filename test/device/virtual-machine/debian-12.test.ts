import { describePackages } from './packages.js';

describePackages('bookworm', '6.1');
