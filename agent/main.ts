process.exitCode = 78;
